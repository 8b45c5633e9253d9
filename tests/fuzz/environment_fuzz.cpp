// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// What a web server may send as environment, good or bad: it is refused with a reason, or an app sees what
// docs/environment.md promises.
//
// An input: the options, then the variables as lines "NAME=value".
#include "fuzz/fuzz.hpp"

#include <sluice/environment.hpp>

#include <set>
#include <string>

using namespace sluice;
using fuzz::must;

namespace {

bool has_control(std::string_view s)
{
    return std::any_of(s.begin(), s.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

environment read_lines(std::string_view lines)
{
    environment env;
    while (!lines.empty() && env.size() < 1000) {
        const auto line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        const auto equals = std::min(line.find('='), line.size());
        if (equals > 0) // the decoder refuses variables without a name
            env.add(line.substr(0, equals), line.substr(std::min(equals + 1, line.size())));
    }
    return env;
}

bool is_path(std::string_view s)
{
    return s.empty() || s.front() == '/';
}

void check_promises(const environment& env)
{
    must(!env.method().empty() && !has_control(env.method()), "R1: a method");
    must(is_path(env.script_name()) && env.script_name() != "/", "R2: SCRIPT_NAME");
    must(is_path(env.path_info()), "R3: PATH_INFO");
    must(!env.script_name().empty() || !env.path_info().empty(), "R3: one of the two");
    must(env.request_uri() == "*" || (!env.request_uri().empty() && is_path(env.request_uri())),
         "R4: REQUEST_URI");
    must(env.contains("QUERY_STRING"), "R5: QUERY_STRING");
    must(!env.get("SERVER_NAME").empty() && !env.get("SERVER_PORT").empty(), "R6: name and port");
    must(env.get("SERVER_PROTOCOL").starts_with("HTTP/"), "R7: SERVER_PROTOCOL");
    must(env.contains("CONTENT_LENGTH") == env.content_length().has_value(), "R8: a number");
    must(env.contains("CONTENT_TYPE") == !env.get("CONTENT_TYPE").empty(), "R8: none that is empty");
    must(!env.contains("HTTP_CONTENT_TYPE") && !env.contains("HTTP_CONTENT_LENGTH"),
         "R10: headers that have names of their own");
    must(!env.contains("HTTP_PROXY") && env.header("proxy").empty(), "R10: no HTTP_PROXY");
    must(env.scheme() == "http" || env.scheme() == "https", "R11: a scheme");
    must(env.get("REQUEST_SCHEME") == env.scheme(), "R11: REQUEST_SCHEME says the same");
    for (const auto name : {"SCRIPT_NAME", "PATH_INFO", "REQUEST_URI", "QUERY_STRING"})
        must(env.get(name).find('\0') == std::string_view::npos, "no NUL in a path or query");
    std::set<std::string_view> names;
    for (const field& f : env)
        must(names.insert(f.name).second, "R9, R16: no name twice");
}

void must_be_equal(const environment& a, const environment& b)
{
    must(a.size() == b.size(), "as many variables");
    for (std::size_t i = 0; i < a.size(); ++i)
        must(a[i].name == b[i].name && a[i].value == b[i].value, "the same variables");
}

// What the server sent and no rule is about is passed on untouched.
void check_the_rest(const environment& sent, const environment& seen)
{
    for (const field& f : sent) {
        if (f.name.starts_with("HTTP_") || f.name.starts_with("S") || f.name.starts_with("RE") ||
            f.name.starts_with("CONTENT_") || f.name.starts_with("P") || f.name.starts_with("Q"))
            continue;
        must(seen.contains(f.name), "variables without a rule stay");
    }
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    fuzz::input in(data, size);
    constexpr const char* mount_points[] = {"", "/app", "/", "app//"};
    const auto choice = in.byte();
    const normalize_options options{(choice & 4) != 0, mount_points[choice & 3]};
    const environment sent = read_lines(in.rest());

    environment env = sent, other = sent;
    std::string why;
    const auto fault = normalize(env, options, &why);
    must(normalize(other, options) == fault, "the same without a reason");
    if (fault) {
        must(fault == make_error_code(errc::bad_request), "a 400");
        must(!why.empty() && !has_control(why), "a reason fit for a log");
        return 0;
    }
    must_be_equal(env, other);
    check_promises(env);
    check_the_rest(sent, env);
    environment again = env;
    must(!normalize(again, options), "what was normalized is good");
    must_be_equal(env, again);
    return 0;
}
