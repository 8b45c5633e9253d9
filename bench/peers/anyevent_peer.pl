#!/usr/bin/perl
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#
# GET /hello, as a user of AnyEvent::FCGI writes it.
use strict;
use warnings;

use AnyEvent;
use AnyEvent::FCGI;

my $path = shift // die "usage: anyevent_peer.pl PATH\n";
my $fcgi = AnyEvent::FCGI->new(
    socket     => $path,
    on_request => sub {
        my $request = shift;
        my $uri     = $request->param('PATH_INFO') // '';
        if ($uri eq '/hello') {
            $request->respond('Hello, world!', 'Content-Type' => 'text/plain');
        } else {
            $request->respond("not found\n", Status => 404, 'Content-Type' => 'text/plain');
        }
    },
);
AnyEvent->condvar->recv;
