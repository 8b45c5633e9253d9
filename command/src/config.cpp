// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "config.hpp"

#include "run.hpp"
#include "server_snippets.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace sluice::command {

namespace {

constexpr const char* what_it_is = "Print what a web server needs in front of sluice run";

// Of what stands in configuration files: where it goes between quotation marks, or ends at white space.
void check_plain(std::string_view flag, std::string_view value)
{
    if (value.empty() || value.front() != '/')
        throw std::invalid_argument(fmt::format("{} {}: must be a path that begins with /", flag, value));
    if (value.find_first_of(" \t\r\n\"'\\;{}#$%?|") != value.npos)
        throw std::invalid_argument(
            fmt::format("{} {}: has a character that configuration files read differently", flag, value));
}

void set_address(front_needs& n, const std::string& text)
{
    const std::string_view all = text;
    const auto colon = all.rfind(':');
    if (all.starts_with("unix:")) {
        n.path = all.substr(5);
        check_plain("--fastcgi", n.path);
    } else if (all.starts_with("tcp:") && colon >= 4 && colon + 1 < all.size() &&
               all.find_first_not_of("0123456789", colon + 1) == all.npos)
    {
        n.host = all.substr(4, colon - 4);
        n.port = all.substr(colon + 1);
        check_plain("--fastcgi tcp:", "/" + n.host);
        unsigned port = 0;
        if (std::from_chars(n.port.data(), n.port.data() + n.port.size(), port).ec != std::errc() ||
            port == 0 || port > 65535)
            throw std::invalid_argument(fmt::format("--fastcgi {}: the port must be from 1 to 65535", text));
        // Where the service listens on all addresses, this machine's own is one of them.
        if (n.host == "*")
            throw std::invalid_argument(fmt::format("--fastcgi {}: all addresses are tcp::{}", text, n.port));
        if (n.host.empty() || n.host == "0.0.0.0")
            n.host = "127.0.0.1";
        else if (n.host == "[::]")
            n.host = "[::1]";
    } else {
        throw std::invalid_argument(fmt::format("--fastcgi {}: must be unix:/path or tcp:host:port", text));
    }
}

// A server that gives up sooner hides from its clients what `sluice run` would have told them.
std::chrono::seconds patience_in_front_of(const cgi::runner_options& o)
{
    using std::chrono::seconds;
    const auto bounded = std::max(o.timeout, o.idle_timeout);
    const auto patience = std::chrono::ceil<seconds>(bounded) + seconds(5);
    return o.idle_timeout.count() > 0 ? patience
                                      : std::max(patience, seconds(3600)); // most servers know no "never"
}

// As a shell reads it back.
std::string quoted(const std::string& word)
{
    if (std::any_of(word.begin(), word.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }))
        throw std::invalid_argument("a value with a line end, or the like, cannot be printed");
    constexpr auto plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%";
    if (word.find_first_not_of(plain) == word.npos)
        return word;
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

// All that was given, by flag or variable, as flags; and `more` where they are not among it.
std::string command_line(const CLI::App& cli, const std::vector<std::pair<std::string, std::string>>& more)
{
    std::string line = "sluice run";
    for (const auto* const option : cli.get_options()) {
        const auto& name = option->get_name();
        const auto other =
            std::find_if(more.begin(), more.end(), [&](const auto& m) { return m.first == name; });
        if (other != more.end())
            line += " " + name + " " + quoted(other->second);
        else if (!name.starts_with("--") || option->count() == 0)
            continue;
        else if (option->get_items_expected_max() == 0)
            line += option->as<bool>() ? " " + name : "";
        else if (name == "--env" || name == "--pattern" || name == "--rlimit")
            for (const auto& value : values_of(cli, name))
                line += " " + name + " " + quoted(value);
        else
            line += " " + name + " " + quoted(option->results().back()); // the last one counts
    }
    return line;
}

} // namespace

void add_config(CLI::App& cli)
{
    cli.add_subcommand("config", what_it_is);
}

int print_config(int argc, char** arguments)
{
    std::string server;
    program_flags flags;
    run_options service;
    CLI::App cli(std::string(what_it_is) + ", with all flags of that.", "sluice config");
    cli.get_formatter()->column_width(46);
    cli.set_help_flag("-h,--help", "Print this text and exit");
    cli.add_option("SERVER", server, "apache, lighttpd, nginx or haproxy")->required()->option_text("");
    const auto take = add_run_flags(cli, flags, service);
    cli.footer("Without --root or --script it is --root /usr/lib/cgi-bin, without --mount /cgi-bin, without "
               "--fastcgi\n"
               "unix:/run/sluice/cgi.sock. Flags that are nothing to the web server are in the command line "
               "it prints.\n\n"
               "  sluice config nginx --root /srv/cgi --mount /scripts >/etc/nginx/snippets/cgi.conf");
    try {
        std::vector<std::string> backwards(arguments, arguments + argc);
        std::reverse(backwards.begin(), backwards.end()); // as CLI11 wants it
        cli.parse(std::move(backwards));
    } catch (const CLI::Success& e) {
        return cli.exit(e); // --help
    }
    take();

    std::vector<std::pair<std::string, std::string>> assumed;
    const auto assume = [&](const char* flag, std::string& value, const char* usual) {
        value = usual;
        assumed.emplace_back(flag, usual);
    };
    if (flags.root.empty() && flags.script.empty() && !flags.document_root)
        assume("--root", flags.root, "/usr/lib/cgi-bin");
    if (flags.mount.empty())
        assume("--mount", flags.mount, "/cgi-bin");
    if (service.fastcgi.empty())
        assume("--fastcgi", service.fastcgi, "unix:/run/sluice/cgi.sock");

    const auto options = runner_options_of(cli, flags);
    front_needs needs;
    check_plain("--mount", flags.mount);
    needs.prefix = flags.mount.ends_with('/') ? flags.mount : flags.mount + "/";
    set_address(needs, service.fastcgi);
    if (!flags.root.empty())
        check_plain("--root", flags.root);
    if (flags.script.empty())
        needs.root = flags.root;
    needs.patience = patience_in_front_of(options);
    needs.credentials = std::find(flags.variables.begin(), flags.variables.end(), "HTTP_AUTHORIZATION") !=
                        flags.variables.end();

    const auto snippet = snippet_for(server, needs);
    fmt::print("# It goes with:\n#   {}\n", command_line(cli, assumed));
    if (!needs.path.empty() && !service.socket.mode && service.socket.owner.empty())
        fmt::print(
            "# The web server has to be let in: --socket-mode 0660 --socket-owner :www-data, its group.\n");
    fmt::print("{}", snippet);
    return 0;
}

} // namespace sluice::command
