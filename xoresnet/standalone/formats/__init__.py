"""Single files in which a model leaves, one module for each format; `export.py` chooses among them."""
