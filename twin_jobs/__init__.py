"""When things are made: jobs, sensors and the Definitions object that ties the graph to its resources."""
