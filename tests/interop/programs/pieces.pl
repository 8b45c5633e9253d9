#!/usr/bin/perl
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

# Says each piece, and goes on when the client has it: the test then makes the file that is waited for.
use strict;
use warnings;
use CGI;

$| = 1;
my $question = CGI->new;
print $question->header(-type => 'text/plain');
for my $piece (1 .. 5) {
    print "piece $piece of ", scalar $question->param('name'), "\n";
    my $looks = 0;
    while (!-e "../run/has-$piece") {
        exit 1 if ++$looks > 2000;
        select undef, undef, undef, 0.01; # the pause between two looks
    }
}
