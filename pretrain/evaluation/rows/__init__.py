"""What every measure compares: rows of length 1 around their mean."""

from .directions import Directions, Matrix, unit_rows
from .shifted import ShiftedRows

__all__ = ["Directions", "Matrix", "ShiftedRows", "unit_rows"]
