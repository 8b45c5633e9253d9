// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "get.hpp"

#include <CLI/CLI.hpp>

namespace sluice::command {

CLI::App* add_get(CLI::App& cli, get_options& o)
{
    auto* const get = cli.add_subcommand("get", "Send one request to a FastCGI app and print its answer");
    get->get_formatter()->column_width(30);
    get->add_option("URI", o.uri, "Path and query of the request [/]")->option_text("");
    get->add_option("-t,--target", o.target, "Where the app listens: unix:/path or tcp:host:port")
        ->required()
        ->option_text("ADDRESS");
    get->add_option("-p,--param", o.params,
                    "Sets a variable, in place of or beside those that nginx sends; may be given again")
        ->allow_extra_args(false)
        ->option_text("NAME=VALUE");
    get->add_option("-b,--body", o.body,
                    "Body: the text itself, @FILE, or @- for standard input; makes it a POST")
        ->option_text("TEXT");
    get->add_option("--role", o.role, "responder, authorizer or filter [responder]")
        ->option_text("ROLE")
        ->check(CLI::IsMember({"responder", "authorizer", "filter"}));
    get->add_option("--data", o.data, "What a filter is to filter, named as a body")->option_text("TEXT");
    get->add_option("--timeout", o.timeout, "Give up after so long, such as 500ms, 10s or 2m [never]")
        ->option_text("TIME");
    get->add_flag("-i,--include", o.include_head, "Print the CGI head, too");
    get->add_flag("--trace", o.trace, "Say each record on stderr: > sent, < received");
    get->add_flag("--close", o.close, "Let the app close the connection (no FCGI_KEEP_CONN)");
    get->footer("The answer's body goes to stdout, what the app says on FCGI_STDERR to stderr.\n"
                "Exit status: 0 for a complete answer, whatever its Status; 1 otherwise; 2 for wrong use.\n\n"
                "  sluice get -t tcp:127.0.0.1:9000 -i '/hello?name=you'\n"
                "  sluice get -t unix:/run/php/php-fpm.sock -p SCRIPT_FILENAME=/var/www/html/index.php\n"
                "  sluice get -t unix:/run/app.sock --body @photo.jpg -p CONTENT_TYPE=image/jpeg /upload");
    return get;
}

} // namespace sluice::command
