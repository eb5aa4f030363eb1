"""The mathematics of fronts: dominance, hypervolume, attainment, selection, comparison."""
