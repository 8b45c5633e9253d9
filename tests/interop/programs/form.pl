#!/usr/bin/perl
# Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.

# What CGI.pm reads of a form: a field, the name of an uploaded file, and its bytes.
use strict;
use warnings;
BEGIN { $ENV{TMPDIR} = '../run' } # CGI.pm keeps uploads in a file
use CGI;

my $form = CGI->new;
my $file = $form->upload('file');
my %seen = (
    -x_method         => $form->request_method,
    -x_script_name    => $form->script_name,
    -x_path_info      => $form->path_info,
    -x_query_string   => $ENV{QUERY_STRING},
    -x_content_length => $ENV{CONTENT_LENGTH},
);
delete @seen{grep { !length($seen{$_} // '') } keys %seen};
print $form->header(-type => 'application/octet-stream', -status => '202 Taken', %seen);
print scalar $form->param('name'), "\n", $file ? scalar $form->param('file') : '', "\n";
if ($file) {
    binmode $_ for $file, *STDOUT;
    local $/ = \65536;
    print while <$file>;
}
