"""What the data sets share: the `Loader` they define, and reading pickles, image files and caches of decoded images."""
