"""Naru (나루, a ferry landing): carries databases into PostgreSQL and proves that everything arrived."""

__version__ = "0.1.0"
