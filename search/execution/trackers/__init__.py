"""Experiment trackers behind Ray Tune's own callbacks: TensorBoard, MLflow, Weights & Biases, and users' own."""
