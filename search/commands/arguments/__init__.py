"""What commands share in reading their arguments: options, settings (`KEY=VALUE`), networks, and the Tab key."""
