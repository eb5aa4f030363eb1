"""Where trials come from: the sampler, lists of jobs, the guide, earlier runs."""
