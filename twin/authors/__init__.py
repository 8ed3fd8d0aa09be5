"""Who the authors are: their files, what a file may declare, their registration and their removal."""
