# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
"""Runs the benchmarks: starts the servers, points the load client at them, makes the table."""
