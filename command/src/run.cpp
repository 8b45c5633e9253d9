// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "run.hpp"

#include "program_flags.hpp"
#include "resources.hpp"
#include "serve.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include <unistd.h>

namespace sluice::command {

namespace {

constexpr const char* what_it_is = "Run CGI programs behind a web server that speaks FastCGI";

constexpr const char* getting_going =
    R"(Sizes take K, M and G, times take ms, s and m. A flag counts before its variable. SLUICE_PATTERN and SLUICE_RLIMIT
take several, with spaces between them; SLUICE_ENV takes one, whose value may have spaces.
SIGTERM, SIGUSR1, SIGINT and SIGHUP let running responses end; with --workers SIGHUP renews those.

  sluice run --root /usr/lib/cgi-bin --mount /cgi-bin --fastcgi unix:/run/sluice/cgi.sock \
      --socket-mode 0660 --socket-owner :www-data
  sluice run --script /usr/lib/git-core/git-http-backend --mount /git --env GIT_PROJECT_ROOT=/srv/git \
      --env GIT_HTTP_EXPORT_ALL= --fastcgi tcp:127.0.0.1:9000

In front of the first of them; sluice config SERVER, with the same flags behind it, prints the rest:
  nginx     location /cgi-bin/ { include fastcgi_params; fastcgi_pass unix:/run/sluice/cgi.sock; }
  lighttpd  fastcgi.server = ("/cgi-bin/" => (("socket" => "/run/sluice/cgi.sock", "check-local" => "disable")))
  Apache    ProxyPass "/cgi-bin/" "unix:/run/sluice/cgi.sock|fcgi://localhost/usr/lib/cgi-bin/"
  HAProxy   server cgi unix@/run/sluice/cgi.sock proto fcgi    (and a section fcgi-app)
Without --fastcgi it serves what is its standard input: lighttpd's bin-path and mod_fcgid's FcgidWrapper start it so,
with these flags; or a systemd socket.
)";

} // namespace

void add_run(CLI::App& cli)
{
    cli.add_subcommand("run", what_it_is);
}

std::function<void()> add_run_flags(CLI::App& cli, program_flags& f, run_options& o)
{
    add_program_flags(cli, f);
    return [&cli, &f, take = add_service_flags(cli, o, "The service", "--mount")] {
        take();
        read_program_flags(cli, f);
    };
}

int run_programs(int argc, char** arguments)
{
    program_flags flags;
    run_options service;
    CLI::App cli(std::string(what_it_is) + ": unmodified, each response streamed and bounded.", "sluice run");
    cli.get_formatter()->column_width(46);
    cli.set_help_flag("-h,--help", "Print this text and exit");
    cli.set_version_flag("--version", std::string("sluice " SLUICE_VERSION), "Print the version and exit");
    const auto take = add_run_flags(cli, flags, service);
    cli.footer(getting_going);
    try {
        std::vector<std::string> backwards(arguments, arguments + argc);
        std::reverse(backwards.begin(), backwards.end()); // as CLI11 wants it
        cli.parse(std::move(backwards));
    } catch (const CLI::Success& e) {
        return cli.exit(e); // --help, --version
    }
    take();
    auto options = runner_options_of(cli, flags);
    check_resources(name_as_given(cli, "--rlimit"), options.resources);
    if (!flags.mount.empty())
        service.normalize.mount_point = flags.mount; // both read the request's path
    // The first process of a container inherits whatever programs leave behind, and has to wait for it: a supervisor does.
    if (::getpid() == 1)
        service.workers = std::max(service.workers, 1U);
    if (const auto status = serve(cgi::script_runner(std::move(options)), std::move(service)))
        return *status;
    throw std::invalid_argument("nothing to serve: give --fastcgi unix:/path or tcp:host:port, or let a web "
                                "server start it as a FastCGI program (--help says more)");
}

} // namespace sluice::command
