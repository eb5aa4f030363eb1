"""What is measured, without torch: the figures of a network, the record of an epoch, and what each metric is called."""
