"""What runs on workers: trials, the files that they take and give, and the examination of their node."""
