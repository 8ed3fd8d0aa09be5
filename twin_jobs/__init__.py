"""When assets are made: jobs, sensors, and the Definitions object that connects the graph to its resources."""
