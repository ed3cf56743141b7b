"""Tissue: labelled regions, the shapes or images that make them, and their properties per voxel."""
