"""Whether written objects are valid by the standard, belong together, and say what was measured.

A room of its own, and not a part of `report`: it imports nothing that makes objects, so what is wrong there
is not wrong here in the same way. It judges the bytes that would be sent.
"""

from ctsma_node.validation.check import Checked, check_files, check_set
from ctsma_node.validation.finding import Finding
from ctsma_node.validation.tables import class_name

__all__ = ["Checked", "Finding", "check_files", "check_set", "class_name"]
