"""run_unittests.py FILE: one file of unittest cases as one ctest test, which says how many cases it held."""

import importlib.util
import sys
import unittest
from pathlib import Path

path = Path(sys.argv[1])
sys.path.insert(0, str(path.parent))
specification = importlib.util.spec_from_file_location(path.stem, path)
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
result = unittest.TextTestRunner(verbosity=2).run(unittest.defaultTestLoader.loadTestsFromModule(module))
failed, skipped = len(result.failures) + len(result.errors), len(result.skipped)
print(f"cases: {result.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped", flush=True)
sys.exit(failed > 0 or result.testsRun == 0)
