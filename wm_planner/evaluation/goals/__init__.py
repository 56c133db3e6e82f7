"""Goal pictures: how well they are reached, and how good a guide the distance to them is."""
