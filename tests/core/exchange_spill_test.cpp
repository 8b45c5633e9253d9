// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// F25: a web server that sends the whole request before it reads any of the response.
#include <sluice/detail/spill_file.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>

#include <dirent.h>

using namespace sluice;
using namespace sluice::test;

namespace {

std::span<const std::byte> bytes_of(std::string_view s)
{
    return std::as_bytes(std::span(s.data(), s.size()));
}

std::size_t open_descriptors()
{
    std::size_t n = 0;
    if (DIR* const d = ::opendir("/proc/self/fd")) {
        while (::readdir(d))
            ++n;
        ::closedir(d);
    }
    return n;
}

// A variable of the environment, put back at the end.
class environment_variable {
public:
    environment_variable(const char* name, const char* value) : name_(name)
    {
        if (const char* const v = ::getenv(name))
            before_ = v;
        ::setenv(name, value, 1);
    }
    ~environment_variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
    environment_variable(const environment_variable&) = delete;
    environment_variable& operator=(const environment_variable&) = delete;

private:
    const char* name_;
    std::optional<std::string> before_;
};

} // namespace

TEST_CASE("spill_file: a queue of bytes, in order, whose file is gone with its content")
{
    const auto before = open_descriptors();
    {
        detail::spill_file file;
        CHECK(open_descriptors() == before); // not made before it is needed
        std::mt19937 random(3);              // NOLINT(cert-msc51-cpp): the same run each time
        std::uint64_t written = 0;
        std::uint64_t read = 0;
        std::string buffer(100'000, '?');
        for (int i = 0; i < 500; ++i) {
            if (random() % 2 == 0) {
                const auto piece = piece_at(written, random() % 50'000);
                CHECK_FALSE(file.write(bytes_of(piece)));
                written += piece.size();
            } else {
                error_code ec;
                const auto most = random() % 70'000;
                const auto n = file.read(std::as_writable_bytes(std::span(buffer).first(most)), ec);
                CHECK_FALSE(ec);
                CHECK(n == std::min<std::uint64_t>(most, written - read));
                CHECK(std::string_view(buffer).substr(0, n) == piece_at(read, n));
                read += n;
            }
            CHECK(file.size() == written - read);
        }
        CHECK(read > 1'000'000);
        file.close();
        CHECK(file.size() == 0);
        CHECK(open_descriptors() == before);
        CHECK_FALSE(file.write(bytes_of("again")));
        error_code ec;
        CHECK(file.read(std::as_writable_bytes(std::span(buffer).first(10)), ec) == 5);
        CHECK(buffer.starts_with("again"));
    }
    CHECK(open_descriptors() == before);
}

TEST_CASE("spill_file: a directory that is not there is an error that says so")
{
    const environment_variable where("TMPDIR", "/nonexistent/directory");
    detail::spill_file file;
    CHECK(file.write(bytes_of("text")) == boost::system::errc::no_such_file_or_directory);
    CHECK(file.size() == 0);
}

TEST_CASE("F25: what is spilled is read behind what is in blocks, and before what comes later")
{
    limits l;
    l.block_size = 4096;
    l.input_window = 2 * 4096;
    buffer_pool pool(1 << 20, l.block_size);
    for (const std::size_t loan : {0u, 10u, 5000u, 50'000u}) {
        CAPTURE(loan);
        inflow in(pool, l);
        REQUIRE(in.reserve());
        std::string own(loan, '?');
        in.lend(std::as_writable_bytes(std::span(own)));
        std::uint64_t sent = 0;
        for (const std::size_t n : {3000u, 100u, 20'000u, 1u, 30'000u}) {
            CHECK_FALSE(in.spill(bytes_of(piece_at(sent, n))));
            sent += n;
        }
        const auto straight = in.end_loan();
        CHECK(straight == std::min<std::size_t>(loan, sent));
        CHECK(in.size() == sent - straight);
        if (loan < 20'000) {
            CHECK(in.spilled() > 0);
            CHECK(in.credit() == 0);
        }
        CHECK(pool.stats().in_use <= 2);

        std::string got = own.substr(0, straight);
        std::string buffer(7001, '?');
        while (got.size() < sent) {
            error_code ec;
            const auto n = in.read(std::as_writable_bytes(std::span(buffer)), ec);
            REQUIRE_FALSE(ec);
            REQUIRE(n > 0);
            got.append(buffer, 0, n);
        }
        CHECK(got == text_of_size(sent));
        CHECK(in.spilled() == 0);
        CHECK(in.credit() > 0); // and memory serves again
        in.push(bytes_of("more"));
        error_code ec;
        CHECK(in.read(std::as_writable_bytes(std::span(buffer)), ec) == 4);
        CHECK(pool.stats().in_use == 0);
    }
}

TEST_CASE("F25: an exchange is stuck exactly while the app neither reads its body nor can write")
{
    limits l;
    l.spill = 300'000;
    const std::string sent = text_of_size(1'000'000);
    std::string got;
    bool over = false;
    fake_loop loop(
        [&](request& req, responder respond) -> task<void> {
            auto out = respond.start(plain_text());
            char buffer[10'000];
            while (const auto n = co_await req.body().read(boost::asio::buffer(buffer))) {
                got.append(buffer, n);
                co_await out.write(std::string_view(buffer, n));
            }
            over = true;
        },
        l);
    fake_host client(loop);
    client.stall(); // the web server reads nothing before it has sent all
    client.request("POST", {}, true);
    loop.poll();
    CHECK_FALSE(client.x().stuck(client.x().body())); // it reads

    std::size_t fed = 0;
    while (const auto n = client.feed(std::string_view(sent).substr(fed))) {
        fed += n;
        loop.poll();
    }
    CHECK(fed < sent.size());
    CHECK(client.x().stuck(client.x().body()));
    const auto in_use = loop.statistics().pool_in_use;
    while (client.x().stuck(client.x().body())) {
        const auto piece = std::string_view(sent).substr(fed, 10'000);
        REQUIRE_FALSE(piece.empty());
        {
            const detail::turn::scope turn(loop.resources().turn());
            client.x().body().arrived(bytes_of(piece));
        }
        fed += piece.size();
        loop.poll();
        CHECK(loop.statistics().pool_in_use == in_use);
    }
    CHECK(fed >= l.spill);
    CHECK(fed <= l.spill + 200'000); // bounded on disk as well
    CHECK(client.x().body().credit() == 0);

    client.feed_all(sent.substr(fed));
    client.take_all();
    loop.poll();
    CHECK(over);
    CHECK(got == sent);
    CHECK(client.ended_well());
    CHECK(client.body() == sent);
}

TEST_CASE("F25: a body that cannot be spilled fails for its app, and for nobody else")
{
    const environment_variable where("TMPDIR", "/nonexistent/directory");
    const std::string sent = text_of_size(200'000);
    error_code ec;
    std::size_t got = 0;
    fake_loop loop([&](request& req, responder respond) -> task<void> {
        auto out = respond.start(plain_text());
        co_await out.write(piece_at(0, 100'000));
        char buffer[10'000];
        try {
            while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
                got += n;
        } catch (const system_error& e) {
            ec = e.code();
        }
    });
    fake_host client(loop);
    client.stall();
    client.request("POST", {{"CONTENT_LENGTH", "200000"}}, true);
    loop.poll();
    REQUIRE(client.x().stuck(client.x().body()));
    {
        const detail::turn::scope turn(loop.resources().turn());
        client.x().body().arrived(bytes_of(sent));
        client.x().body().ended();
    }
    client.take_all();
    loop.poll();
    CHECK(ec == boost::system::errc::no_such_file_or_directory);
    CHECK(got < sent.size());
    CHECK(client.ended_well()); // the app took it as it was
    CHECK(loop.log().contains("cannot be kept in a temporary file"));
}
