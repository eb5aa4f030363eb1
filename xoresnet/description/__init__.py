"""What a network is: validated descriptions without torch, from one field to the layer table of the whole network."""
