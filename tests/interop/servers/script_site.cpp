// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "interop/servers/script_site.hpp"

#include "interop/servers/service.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace sluice::test {

namespace fs = std::filesystem;

namespace {

constexpr std::pair<const char*, const char*> all_scripts[] = {
    {"hello.cgi", "printf 'Content-Type: text/plain\\nX-From: sh\\n\\nHello, world!'\n"},
    {"a.cgi", "printf 'Content-Type: text/plain\\n\\n'\n"
              "printf '%s\\n' \"SCRIPT_NAME=$SCRIPT_NAME\" \"PATH_INFO=$PATH_INFO\" "
              "\"PATH_TRANSLATED=$PATH_TRANSLATED\" \"QUERY_STRING=$QUERY_STRING\"\n"},
    {"to.cgi", "printf 'Location: %s\\n\\n' \"$QUERY_STRING\"\n"},
    {"cat.cgi", "printf 'Content-Type: application/octet-stream\\n\\n'\n"
                "exec cat\n"},
    {"whole.cgi", "file=$(mktemp ../run/XXXXXXXX) || exit 1\n"
                  "cat > \"$file\"\n"
                  "printf 'Content-Type: application/octet-stream\\n\\n'\n"
                  "cat \"$file\"\n"
                  "rm \"$file\"\n"},
    // The query is a Content-Length. It dies of a signal, or with "exit" behind that by its own hand.
    {"cut.cgi", "printf 'Content-Type: text/plain\\n'\n"
                "length=${QUERY_STRING%exit}\n"
                "[ -z \"$length\" ] || printf 'Content-Length: %s\\n' \"$length\"\n"
                "printf '\\n%01000d' 0\n"
                "[ \"$length\" = \"$QUERY_STRING\" ] || exit 1\n"
                "kill -KILL $$\n"},
    // Each tick with the time in milliseconds; the next when the test says that it has come.
    {"five.cgi", "printf 'Content-Type: text/plain\\n\\n'\n"
                 "for i in 0 1 2 3 4; do\n"
                 "    echo \"tick $i $(date +%s%3N)\"\n"
                 "    looks=0\n"
                 "    until [ -e ../run/has-$i ]; do\n"
                 "        looks=$((looks + 1)); [ $looks -lt 1000 ] || exit 1\n"
                 "        sleep 0.02\n"
                 "    done\n"
                 "done\n"},
    {"tick.cgi", "printf 'Content-Type: text/plain\\n\\n'\n"
                 "while :; do echo tick; sleep 0.1; done\n"},
    {"sleep.cgi", "printf 'Content-Type: text/plain\\n\\nasleep\\n'\n"
                  "sleep 1000\n"},
    {"mute.cgi", "sleep 1000\n"},
    {"stubborn.cgi", "trap '' TERM\n"
                     "printf 'Content-Type: text/plain\\n\\nhere I stay\\n'\n"
                     "while :; do sleep 0.05; done\n"},
    {"nph-a.cgi", "printf 'HTTP/1.1 418 Teapot\\r\\nContent-Type: text/plain\\r\\nX-Method: %s\\r\\n' "
                  "\"$REQUEST_METHOD\"\n"
                  "printf 'X-Script-Name: %s\\r\\nX-Path-Info: %s\\r\\n' \"$SCRIPT_NAME\" \"$PATH_INFO\"\n"
                  "printf 'X-Query-String: %s\\r\\n' \"$QUERY_STRING\"\n"
                  "printf 'X-Content-Length: %s\\r\\n\\r\\nshort and stout' \"$CONTENT_LENGTH\"\n"},
    {"endless.cgi", "printf 'Content-Type: text/plain\\n\\n'\n"
                    "exec cat /dev/zero\n"},
};

void replace_all(std::string& text, std::string_view from, const std::string& to)
{
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
}

std::vector<std::string> words(const std::string& line)
{
    std::istringstream in(line);
    std::vector<std::string> result;
    for (std::string word; in >> word;)
        result.push_back(word);
    return result;
}

} // namespace

script_site::script_site(const std::string& mounted_at)
    : site(site_options{.mount = mounted_at}), sluice(add_program(folder, SLUICE_COMMAND, "sluice"))
{
    for (const auto& [name, text] : all_scripts)
        fs::permissions(folder.write("cgi/" + std::string(name), "#!/bin/sh\n" + std::string(text)),
                        fs::perms(0755));
    // In other languages. The folders may be where the web server's user may not look.
    for (const char* const programs : {SLUICE_SCRIPTS, SLUICE_C_PROGRAMS})
        for (const auto& entry : fs::directory_iterator(programs)) {
            const auto& file = entry.path();
            if (file.extension() == ".c")
                continue;
            fs::copy_file(file, scripts() / file.filename());
            fs::permissions(scripts() / file.filename(), fs::perms(0755));
        }
    folder.write("cgi/plain.cgi", "not executable\n");
}

script_site::~script_site()
{
    server.reset();
    app.reset();
}

std::string script_site::snippet(std::string_view heading) const
{
    const auto text = read_file(SLUICE_PORTING);
    const auto section = text.find("\n### " + std::string(heading) + "\n");
    const auto fence = text.find("\n```", section);
    const auto begin = text.find('\n', fence + 1) + 1;
    const auto end = text.find("\n```", begin);
    if (section == text.npos || fence == text.npos || end == text.npos)
        throw std::runtime_error("docs/porting.md has no snippet under " + std::string(heading));
    auto result = text.substr(begin, end + 1 - begin);
    // What is common to several goes first: the socket's name holds none of the others.
    replace_all(result, "/usr/bin/sluice", sluice);
    replace_all(result, "/run/sluice/cgi.sock", service_socket(*this));
    replace_all(result, "/srv/cgi", scripts());
    replace_all(result, "/var/www/html", folder / "htdocs");
    replace_all(result, "/cgi-bin/", mount + "/");
    replace_all(result, " modules/", " /usr/lib/apache2/modules/");
    return result;
}

std::vector<std::string> script_site::script_processes() const
{
    std::vector<std::string> result;
    std::error_code gone; // processes end while we look
    for (fs::directory_iterator at("/proc", gone), end; at != end; at.increment(gone)) {
        const auto entry = at->path();
        if (entry.filename().string().find_first_not_of("0123456789") != std::string::npos)
            continue;
        // "pid (name) state parent": a name of ours holds no parenthesis.
        const auto stat = read_file(entry / "stat");
        const auto name = stat.find('('), close = stat.rfind(')');
        if (name == stat.npos || close == stat.npos || close + 4 > stat.size())
            continue;
        const char state = stat[close + 2];
        bool ours = false;
        if (state == 'Z') { // there is nothing left of it but its parent
            const auto parent = words(stat.substr(close + 3)).front();
            ours = read_file("/proc/" + parent + "/cmdline").starts_with(sluice.string());
        } else {
            const auto variables = read_file(entry / "environ");
            ours = variables.find("GATEWAY_INTERFACE=") != variables.npos &&
                   variables.find(folder.path().string() + "/") != variables.npos;
        }
        if (ours)
            result.push_back(entry.filename().string() + " " + stat.substr(name + 1, close - name - 1) + " " +
                             state);
    }
    return result;
}

void start_script_service(script_site& site, const std::vector<std::string>& arguments)
{
    auto command = words(site.snippet("The service"));
    command.front() = site.sluice;
    // To connect takes the right to write, and under root Apache and nginx serve as www-data.
    const auto mode = std::find(command.begin(), command.end(), "0660");
    command.erase(mode, command.end());
    command.push_back("0777");
    if (!arguments.empty()) {
        const auto root = std::find(command.begin(), command.end(), "--root");
        command.insert(command.erase(root, root + 2), arguments.begin(), arguments.end());
    }
    start_program(site.app, {.command = command}, site.folder / "app.log",
                  [socket = service_socket(site)] { return accepts_connections(socket); });
}

} // namespace sluice::test
