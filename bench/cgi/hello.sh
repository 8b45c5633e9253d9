#!/bin/sh
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
printf 'Content-Type: text/plain\r\n\r\nHello, world!'
