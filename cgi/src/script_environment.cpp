// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/cgi/script_environment.hpp>

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>
#include <map>

namespace sluice::cgi {
namespace {

using variables = std::map<std::string_view, std::string_view>;

constexpr std::string_view own_variables[] = {"TZ", "LANG"};
constexpr std::string_view credentials[] = {"HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION"};

/// What a client's Proxy header becomes, and what most libraries take for the proxy to use (CVE-2016-5385, "httpoxy").
constexpr std::string_view client_proxy = "HTTP_PROXY";

/// Between us and whoever started us; then what makes a loader, a shell, an interpreter or git run or load something: what is
/// known of it, which is never all.
constexpr std::string_view kept_prefixes[] = {
    "FCGI_",   "SLUICE_",    "LISTEN_", "WATCHDOG_", // sd_listen_fds(3), sd_watchdog_enabled(3)
    "LD_",     "DYLD_",      "BASH_",   "GLIBC_",    "MALLOC_", "PERL5",  "PYTHON",   "RUBY",
    "NODE_",   "LUA_",       "GUILE_",  "DOTNET_",   "ERL_",    "TCL",    "OPENSSL_", "XDG_",
    "GIT_SSH", "GIT_CONFIG", "R_",      "JAVA_",     "JDK_",    "_JAVA_",
};
constexpr std::string_view kept_names[] = {
    "NOTIFY_SOCKET",
    "PATH",
    "ENV",
    "IFS",
    "CDPATH",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "SHELL",
    "ZDOTDIR",
    "HOME",
    "PERLLIB",
    "GCONV_PATH",
    "LOCPATH",
    "NLSPATH",
    "TMPDIR",
    "TZ",
    "LANG",
    "TZDIR",
    "PHPRC",
    "PHP_INI_SCAN_DIR",
    "GEM_PATH",
    "GEM_HOME",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "CLASSPATH",
    "PROMPT_COMMAND",
    "HOSTALIASES",
    "RES_OPTIONS",
    "TERMINFO",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_EXEC_PATH",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "SSLKEYLOGFILE",
};

/// Those that stand for nothing when empty. nginx sends them all the same, and programs ask only whether they are
/// there.
constexpr std::string_view absent_when_empty[] = {
    "AUTH_TYPE", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "REMOTE_HOST", "REMOTE_IDENT", "REMOTE_USER",
};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) noexcept
{
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_kept_from_programs(std::string_view name) noexcept
{
    return name == client_proxy || is_one_of(name, kept_names) ||
           std::any_of(std::begin(kept_prefixes), std::end(kept_prefixes),
                       [&](std::string_view prefix) { return name.starts_with(prefix); });
}

bool is_asked_for(std::string_view name, const std::vector<std::string>& pass) noexcept
{
    return std::find(pass.begin(), pass.end(), name) != pass.end();
}

void add_of_request(const environment& request, const std::vector<std::string>& pass, variables& out)
{
    for (const auto [name, value] : request) {
        if (!is_variable_name(name) || is_kept_from_programs(name))
            continue;
        if (value.find('\0') != std::string_view::npos) // execve would take what is before it
            continue;
        if (value.empty() && is_one_of(name, absent_when_empty))
            continue;
        if (is_one_of(name, credentials) && !is_asked_for(name, pass))
            continue;
        out[name] = value;
    }
}

/// RFC 3875 section 4.1, what has to be there or is ours to say.
void add_of_script(const found_script& script, variables& out)
{
    out["GATEWAY_INTERFACE"] = "CGI/1.1";
    out["SCRIPT_NAME"] = script.script_name;
    out["SCRIPT_FILENAME"] = script.filename;
    out.erase("PATH_INFO");
    out.erase("PATH_TRANSLATED");
    if (!script.path_info.empty()) {
        out["PATH_INFO"] = script.path_info;
        if (!script.path_translated.empty())
            out["PATH_TRANSLATED"] = script.path_translated;
    }
    out.try_emplace("QUERY_STRING", "");
    out.try_emplace("SERVER_SOFTWARE", "sluice");
    if (const auto address = out.find("REMOTE_ADDR"); address != out.end())
        out.try_emplace("REMOTE_HOST", address->second);
}

void add_own(std::string_view name, variables& out)
{
    if (const char* value = std::getenv(std::string(name).c_str()))
        out[name] = value;
}

void add_passed(const std::vector<std::string>& pass, variables& out)
{
    for (const std::string_view given : pass) {
        const std::size_t equals = given.find('=');
        const std::string_view name = given.substr(0, equals);
        if (!is_variable_name(name) || name == client_proxy)
            continue;
        if (equals != std::string_view::npos)
            out[name] = given.substr(equals + 1);
        else if (!is_one_of(name, credentials))
            add_own(name, out);
    }
}

} // namespace

bool is_variable_name(std::string_view name) noexcept
{
    const auto is_letter = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    };
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    return !name.empty() && !is_digit(name.front()) &&
           std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || is_digit(c); });
}

std::vector<std::string> script_variables(const environment& request, const found_script& script,
                                          const script_environment_options& options)
{
    variables all;
    add_of_request(request, options.pass, all);
    add_of_script(script, all);
    all["PATH"] = options.path;
    for (const std::string_view name : own_variables)
        add_own(name, all);
    add_passed(options.pass, all);

    std::vector<std::string> out;
    out.reserve(all.size());
    for (const auto& [name, value] : all)
        out.emplace_back(name).append(1, '=').append(value);
    return out;
}

std::optional<script_refusal> too_large(const std::vector<std::string>& variables, const found_script& script,
                                        const exec_limits& limits)
{
    constexpr std::size_t pointer = sizeof(char*);
    constexpr std::size_t interpreter = 4096;
    // The name is counted as argv[0], as what the kernel keeps for AT_EXECFN, and as what a "#!" hands over.
    std::size_t total = interpreter + 3 * (script.filename.size() + 1 + pointer) + 2 * pointer;
    for (const std::string& v : variables) {
        if (v.size() + 1 > limits.string)
            return script_refusal{431, fmt::format("{}: {} of {} bytes, and a program can be given one of {}",
                                                   script.filename,
                                                   v.substr(0, std::min<std::size_t>(v.find('='), 64)),
                                                   v.size(), limits.string - 1)};
        total += v.size() + 1 + pointer;
    }
    if (total > limits.total)
        return script_refusal{431, fmt::format("{}: {} variables of {} bytes, and a program can be given {}",
                                               script.filename, variables.size(), total, limits.total)};
    return std::nullopt;
}

} // namespace sluice::cgi
