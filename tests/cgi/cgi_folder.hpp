// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/cgi/script_runner.hpp>

#include "support/catch.hpp"
#include "support/fake_host.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::test {

/// A folder of programs, and a loop in which they are run.
class cgi_folder {
public:
    explicit cgi_folder(cgi::runner_options o = {}, const limits& l = {}) : options_(std::move(o)), limits_(l)
    {
        options_.scripts.root = folder_.path();
    }

    /// A sh script; a head of plain text in front where `body` is all that counts.
    void script(const std::string& name, const std::string& text)
    {
        const auto file = folder_.write(name, "#!/bin/sh\n" + text);
        std::filesystem::permissions(file, std::filesystem::perms::owner_all);
    }
    void plain(const std::string& name, const std::string& text)
    {
        script(name, "printf 'Content-Type: text/plain\\n\\n'\n" + text);
    }
    std::filesystem::path operator/(const std::string& name) const { return folder_ / name; }

    fake_loop& loop()
    {
        if (!loop_)
            loop_ = std::make_unique<fake_loop>(cgi::script_runner(options_), limits_);
        return *loop_;
    }

    /// Until the response has ended.
    bool ended(fake_host& client)
    {
        return loop().poll_until([&] { return client.ended(); });
    }

private:
    temp_dir folder_;
    cgi::runner_options options_;
    limits limits_;
    std::unique_ptr<fake_loop> loop_;
};

/// One in which a single program runs at a time, and nobody waits long.
class cgi_runner_of_one : public cgi_folder {
public:
    cgi_runner_of_one() : cgi_folder(options()) {}

private:
    static cgi::runner_options options()
    {
        cgi::runner_options o;
        o.processes = 1;
        return o;
    }
};

/// Asks for `path`, and waits for the end of the answer.
inline std::unique_ptr<fake_host> ask(cgi_folder& f, std::string_view path)
{
    auto client = std::make_unique<fake_host>(f.loop());
    client->request("GET", {{"SCRIPT_NAME", ""}, {"PATH_INFO", path}, {"REQUEST_URI", path}});
    CHECK(f.ended(*client));
    return client;
}

} // namespace sluice::test
