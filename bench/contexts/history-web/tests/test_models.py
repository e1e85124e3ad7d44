import unittest

from app import models


class Test(unittest.TestCase):
    def test_name(self):
        self.assertEqual(models.name(), "models")
