#!/usr/bin/perl
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
use strict;
use warnings;

print "Content-Type: text/plain\r\n\r\nHello, world!";
