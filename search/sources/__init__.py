"""Where trials come from: samplers, spaces, lists of jobs, earlier runs."""
