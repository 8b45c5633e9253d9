#!/usr/bin/perl
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#
# A small app on Perl's FCGI, serving the listening socket that is its standard input.
use strict;
use warnings;
use FCGI;

my %env;
my $request = FCGI::Request(\*STDIN, \*STDOUT, \*STDERR, \%env, 0);
while ($request->Accept() >= 0) {
    print "Status: 201 Created\r\nContent-Type: text/plain\r\n\r\n";
    print "$_=$env{$_}\n" for grep { exists $env{$_} } qw(REQUEST_METHOD QUERY_STRING CONTENT_LENGTH FROM_TEST);
    while (read(STDIN, my $piece, 4096)) {
        print $piece;
    }
    print STDERR "said by perl\n";
}
