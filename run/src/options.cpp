// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "options.hpp"

#include <fmt/core.h>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>
#include <vector>

namespace sluice {

namespace {

struct unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr unit sizes[] = {{"", 1},        {"k", 1 << 10}, {"K", 1 << 10}, {"m", 1 << 20},
                          {"M", 1 << 20}, {"g", 1 << 30}, {"G", 1 << 30}};
constexpr unit times[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}};

constexpr std::uint64_t largest_pool = std::uint64_t{64} << 30;
constexpr std::uint64_t longest_time = std::uint64_t{365} * 24 * 3'600'000;

// "64K" in the smallest unit, bytes; nothing when it is no number, its unit is unknown, or it is larger than `most`.
template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const unit (&units)[N], std::uint64_t most)
{
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc())
        return std::nullopt;
    const auto name = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const unit& u : units) {
        if (u.name == name && number <= most / u.factor)
            return number * u.factor;
    }
    return std::nullopt;
}

std::string in_units(std::uint64_t bytes)
{
    const auto* u = std::end(sizes) - 1;
    while (bytes % u->factor != 0)
        --u;
    return fmt::format("{}{}", bytes / u->factor, u->name);
}

// The resolver takes a number with a sign, and makes another port of it. Services have a letter in their names (RFC 6335).
bool is_address(std::string_view text)
{
    const auto port = text.substr(std::min(text.rfind(':') + 1, text.size()));
    return !text.empty() &&
           (!text.starts_with("tcp:") || port.empty() || port.find_first_not_of("0123456789") == port.npos ||
            std::any_of(port.begin(), port.end(), [](unsigned char c) { return std::isalpha(c) != 0; }));
}

// A flag that is a variable too.
struct setting {
    const char* flag;
    const char* variable;
    const char* value; ///< what is given, in one word
    std::string text;
    std::function<bool(std::string_view)> set; ///< false when the value cannot be taken
    std::string rule;                          ///< what the value has to be

    std::string given{};
    const CLI::Option* option = nullptr;
    bool is_flag = false; ///< given as such, not as a variable

    std::string said() const
    {
        return fmt::format(fmt::runtime(is_flag ? "{} {}" : "{}={}"), is_flag ? flag : variable, given);
    }
};

std::vector<setting> make_settings(run_options& o)
{
    auto& l = o.limits;
    const auto size = [](const char* flag, const char* variable, const char* text, std::size_t& target) {
        return setting{flag,
                       variable,
                       "SIZE",
                       fmt::format("{} [{}]", text, in_units(target)),
                       [&target](std::string_view given) {
                           const auto n = parse(given, sizes, largest_pool);
                           target = static_cast<std::size_t>(n.value_or(0));
                           return n > 0u;
                       },
                       "a size such as 512K, 64M or 1G, at most 64G"};
    };
    const auto time = [](const char* flag, const char* variable, const std::string& text,
                         std::chrono::milliseconds& target, std::int64_t least) {
        return setting{flag,
                       variable,
                       "TIME",
                       text,
                       [&target, least](std::string_view given) {
                           const auto n = parse(given, times, longest_time);
                           target = std::chrono::milliseconds(n.value_or(0));
                           return n && target.count() >= least;
                       },
                       fmt::format("a time such as 500ms, 30s or 2m{}", least > 0 ? ", more than 0" : "")};
    };
    const auto seconds = [](std::chrono::milliseconds t) { return t.count() / 1000; };
    return {
        {"--fastcgi", "SLUICE_FASTCGI", "ADDRESS", "Serve FastCGI on unix:/path or tcp:host:port",
         [&](std::string_view given) {
             o.fastcgi = given;
             return is_address(given);
         },
         "unix:/path or tcp:host:port, with a port from 0 to 65535"},
        {"--threads", "SLUICE_THREADS", "N", "Event loops, each in a thread of its own [1]",
         [&](std::string_view given) {
             const auto n = parse(given, {unit{"", 1}}, 256);
             o.threads = static_cast<unsigned>(n.value_or(0));
             return n > 0u;
         },
         "a number from 1 to 256"},
        {"--workers", "SLUICE_WORKERS", "N", "Processes, kept running; SIGHUP renews them [none]",
         [&](std::string_view given) {
             const auto n = parse(given, {unit{"", 1}}, 256);
             o.workers = static_cast<unsigned>(n.value_or(0));
             return n > 0u;
         },
         "a number from 1 to 256"},
        {"--socket-mode", "SLUICE_SOCKET_MODE", "MODE", "Rights of a unix socket's file, such as 0660",
         [&](std::string_view given) {
             unsigned n = 0;
             const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), n, 8);
             o.socket.mode = static_cast<mode_t>(n);
             return error == std::errc() && end == given.data() + given.size() && n <= 0777;
         },
         "an octal number such as 0660"},
        {"--socket-owner", "SLUICE_SOCKET_OWNER", "OWNER", "Whose that file is: user, user:group or :group",
         [&](std::string_view given) {
             o.socket.owner = given;
             return !given.empty();
         },
         "user, user:group or :group"},
        size("--pool", "SLUICE_POOL", "Memory for all bodies together", l.pool_bytes),
        size("--window", "SLUICE_WINDOW", "Most memory one response may hold", l.window),
        size("--block", "SLUICE_BLOCK", "Unit of that memory, and of records", l.block_size),
        time("--write-stall", "SLUICE_WRITE_STALL",
             fmt::format("Give up a client that takes nothing for so long [{}s]", seconds(l.write_stall)),
             l.write_stall, 1),
        time("--request-idle", "SLUICE_REQUEST_IDLE",
             fmt::format("Give up a request that stops coming for so long [{}s]", seconds(l.request_idle)),
             l.request_idle, 1),
        time("--drain", "SLUICE_DRAIN",
             fmt::format("Time for running responses after SIGTERM [{}s; 1500ms when spawned]",
                         seconds(l.drain)),
             l.drain, 0),
        {"--mount", "SLUICE_MOUNT", "PATH", "Where the app is mounted, if the web server says it wrong",
         [&](std::string_view given) {
             o.normalize.mount_point = given;
             return given.starts_with('/');
         },
         "a path such as /app, or /"},
        {"--log-level", "SLUICE_LOG_LEVEL", "LEVEL",
         "trace, debug, info, warning, error or off [info; warning when spawned]",
         [&](std::string_view given) {
             constexpr std::string_view levels[] = {"trace", "debug", "info", "warning",
                                                    "warn",  "error", "off"};
             o.log_level = given;
             return std::find(std::begin(levels), std::end(levels), given) != std::end(levels);
         },
         "trace, debug, info, warning, error or off"},
    };
}

// What one value alone does not show; "" when all is well.
std::string check(const run_options& o, const std::function<std::string(std::string_view)>& said)
{
    const auto& l = o.limits;
    if (l.block_size < 4096 || (l.block_size & (l.block_size - 1)) != 0 || l.block_size > 65536)
        return said("--block") + ": must be 4K, 8K, 16K, 32K or 64K";
    if (l.window < l.block_size)
        return fmt::format("{}: must be at least one block, {}", said("--window"), in_units(l.block_size));
    if (l.pool_bytes / o.threads < 2 * l.block_size)
        return fmt::format("{}: must be at least two blocks for each thread, {}", said("--pool"),
                           in_units(2 * l.block_size * o.threads));
    return {};
}

void apply(std::vector<setting>& settings, const CLI::App& cli, run_options& o)
{
    const auto& flags = cli.parse_order();
    for (setting& s : settings) {
        if (!s.option || s.option->count() == 0)
            continue;
        s.is_flag = std::find(flags.begin(), flags.end(), s.option) != flags.end();
        if (!s.set(s.given))
            throw CLI::ValidationError(fmt::format("{}: must be {}", s.said(), s.rule));
        const std::string_view flag = s.flag;
        o.drain_given = o.drain_given || flag == "--drain";
        if (flag.starts_with("--socket-"))
            o.socket_said = s.said();
    }
    if (o.fastcgi.starts_with("tcp:") && !o.socket_said.empty())
        throw CLI::ValidationError(fmt::format(
            "{}: is for the file of a unix socket, and {} has none; leave it out", o.socket_said, o.fastcgi));
    const auto wrong = check(o, [&](std::string_view flag) {
        const auto s = std::find_if(settings.begin(), settings.end(),
                                    [&](const setting& each) { return each.flag == flag; });
        return s->option->count() > 0 ? s->said() : s->flag + std::string(" as it is");
    });
    if (!wrong.empty())
        throw CLI::ValidationError(wrong);
}

} // namespace

std::string program_name(int argc, char** argv)
{
    const std::string path = argc > 0 ? argv[0] : "sluice";
    return path.substr(path.rfind('/') + 1);
}

std::function<void()> add_service_flags(CLI::App& cli, run_options& o, const std::string& group,
                                        std::string_view own)
{
    const auto settings = std::make_shared<std::vector<setting>>(make_settings(o));
    for (setting& s : *settings) {
        if (s.flag == own)
            continue;
        s.option = cli.add_option(s.flag, s.given, s.text)
                       ->group(group)
                       ->envname(s.variable)
                       ->type_name(s.value)
                       ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
                       ->option_text(fmt::format("{:<{}}{}", s.value, 20 - std::string_view(s.flag).size(),
                                                 s.variable));
    }
    return [settings, &cli, &o] { apply(*settings, cli, o); };
}

parsed_options parse_options(int argc, char** argv)
{
    parsed_options result;
    CLI::App cli("Serves its pages as a FastCGI or CGI program behind a web server.",
                 program_name(argc, argv));
    cli.get_formatter()->column_width(44);
    const char* const group = "Flags, variables that say the same, and defaults in [ ]";
    cli.set_help_flag("-h,--help", "Print this text and exit")->group(group);
    cli.set_version_flag("--version", std::string("sluice " SLUICE_VERSION), "Print the version and exit")
        ->group(group);
    const auto take = add_service_flags(cli, result.options, group);
    cli.footer("Started by a web server with a listening socket as standard input, it needs no flags.\n"
               "As a service of its own:  --fastcgi unix:/run/app.sock   or   --fastcgi tcp:127.0.0.1:9000\n"
               "Sizes take K, M and G, times take ms, s and m. A flag counts before its variable.");
    try {
        cli.parse(argc, argv);
        take();
    } catch (const CLI::Success& e) {
        result.exit_status = cli.exit(e); // --help, --version
    } catch (const CLI::Error& e) {
        fmt::print(stderr, "{}: {} (--help lists all flags)\n", cli.get_name(), e.what());
        result.exit_status = 2;
    }
    return result;
}

} // namespace sluice
