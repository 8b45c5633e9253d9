// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The program on descriptors of every kind, and on ones that fail.
#include <sluice/cgi/program.hpp>

#include "fake_pipes.hpp"
#include "running_program.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <boost/asio/error.hpp>
#include <fmt/core.h>

#include <array>
#include <atomic>
#include <cstdlib>

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

constexpr int never_open = 1'000'000;

constexpr std::string_view head = "Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n";

// A response of `size` bytes: half of it in large writes, half in small ones.
application stream(std::size_t size)
{
    return [body = pattern(size)](request&, responder respond) -> task<void> {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        std::string_view rest = body;
        for (const std::size_t piece : {std::size_t(50000), std::size_t(300)}) {
            const auto stop = piece == 300 ? 0 : body.size() / 2;
            while (rest.size() > stop) {
                co_await out.write(rest.substr(0, std::min(piece, rest.size() - stop)));
                rest.remove_prefix(std::min(piece, rest.size() - stop));
            }
        }
    };
}

// The request's body as the response's.
task<void> echo(request& req, responder respond)
{
    auto out = respond.start(200, {{"Content-Type", "text/plain"}});
    std::array<char, 10000> buffer;
    while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
        co_await out.write(std::string_view(buffer.data(), n));
}

// One line, then silence; `why` tells what ended it.
struct idle {
    error_code* why;
    task<void> operator()(request&, responder respond) const
    {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        co_await out.write("waiting");
        try {
            co_await sleep_for(1h);
        } catch (const system_error& e) {
            *why = out.error();
        }
    }
};

struct endless {
    std::atomic<std::uint64_t>* written;
    error_code* why;
    task<void> operator()(request&, responder respond) const
    {
        auto out = respond.start(200, {{"Content-Type", "text/plain"}});
        const std::string piece(65536, 'x');
        try {
            for (;; *written += piece.size())
                co_await out.write(piece);
        } catch (const system_error&) {
            *why = out.error();
        }
    }
};

std::vector<std::string> length(std::size_t n)
{
    return {"CONTENT_LENGTH=" + std::to_string(n)};
}

channel output_of_kind(int kind)
{
    return kind == 0 ? pipe_from_program() : kind == 1 ? socket_pair() : socket_pair(1);
}

} // namespace

TEST_CASE("stdout may be a pipe or a socket: every byte arrives, however it is read")
{
    const int kind = GENERATE(0, 1, 2);
    CAPTURE(kind);
    constexpr std::size_t size = 3'000'000;
    auto out = output_of_kind(kind);
    running_program program(stream(size), {.out = std::move(out.theirs)});
    CHECK(difference(read_to_end(out.ours), std::string(head) + pattern(size)) == "");
    CHECK(program.wait() == 0);
    CHECK(program.held_at_most() <= limits().window + limits().block_size);
}

TEST_CASE("stdout may be a file")
{
    const temp_dir folder;
    constexpr std::size_t size = 3'000'000;
    running_program program(stream(size), {.out = open_file(folder / "out", O_WRONLY | O_CREAT)});
    CHECK(program.wait() == 0);
    CHECK(difference(read_file(folder / "out"), std::string(head) + pattern(size)) == "");
}

TEST_CASE("stdout that takes nothing ever: the app is told, and the program ends with 1")
{
    const std::string what = GENERATE("/dev/full", "closed", "read only");
    CAPTURE(what);
    const temp_dir folder;
    auto out = what == "closed"      ? descriptor(never_open)
               : what == "/dev/full" ? open_file(what, O_WRONLY)
                                     : open_file(folder / "file", O_CREAT | O_RDONLY);
    std::atomic<std::uint64_t> written = 0;
    error_code why;
    running_program program(endless{&written, &why}, {.out = std::move(out)});
    CHECK(program.wait() == 1);
    CHECK(why == errc::client_gone);
    CHECK(written == 0);
}

TEST_CASE("F8, F10: a reader that has gone, or goes, ends an endless producer at once")
{
    const int kind = GENERATE(0, 1);
    const bool before = GENERATE(true, false);
    CAPTURE(kind, before);
    auto out = output_of_kind(kind);
    std::atomic<std::uint64_t> written = 0;
    error_code why;
    if (before)
        out.ours.close();
    running_program program(endless{&written, &why}, {.out = std::move(out.theirs)});
    if (!before) {
        CHECK(read_bytes(out.ours, 1'000'000).size() >= 1'000'000);
        out.ours.close();
    }
    CHECK(program.wait() == 1);
    CHECK(why == errc::client_gone);
    CHECK(written <= (before ? 65536u : 10'000'000u));
    CHECK(program.held_at_most() <= limits().window + limits().block_size);
}

TEST_CASE("F11, F12: a reader that leaves a silent app ends it within 100 ms, also with its body unread")
{
    const int kind = GENERATE(0, 1);
    const bool body = GENERATE(false, true);
    CAPTURE(kind, body);
    auto out = output_of_kind(kind);
    error_code why;
    running_program::setup setup{.out = std::move(out.theirs)};
    auto in = pipe_to_program();
    if (body) {
        fill(in.ours);
        setup.in = std::move(in.theirs);
        setup.method = "POST";
        setup.variables = {"CONTENT_LENGTH=1000000"};
    }
    running_program program(idle{&why}, std::move(setup));
    CHECK_THAT(read_some(out.ours), Catch::EndsWith("waiting"));
    const auto left = std::chrono::steady_clock::now();
    out.ours.close();
    CHECK(program.wait() == 1);
    // 100 ms are promised. What a busy machine adds to that is allowed for; the driver's own check comes each second.
    CHECK(std::chrono::steady_clock::now() - left < 900ms);
    CHECK(why == errc::client_gone);
}

TEST_CASE("F1: a reader that stalls and goes on gets every byte, and the app waits meanwhile")
{
    const int kind = GENERATE(0, 1, 2);
    CAPTURE(kind);
    std::atomic<std::uint64_t> written = 0;
    auto out = output_of_kind(kind);
    const auto body = pattern(8'000'000);
    running_program program(
        [&](request&, responder respond) -> task<void> {
            auto to = respond.start(200, {{"Content-Type", "text/plain"}});
            for (std::size_t at = 0; at < body.size(); at += 10000) {
                co_await to.write(std::string_view(body).substr(at, 10000));
                written += 10000;
            }
        },
        {.out = std::move(out.theirs)});
    const auto first = read_some(out.ours);
    CHECK_FALSE(program.wait(200ms)); // time enough to write it all
    CHECK(written < 1'000'000);       // the kernel's buffer and the window
    CHECK(difference(first + read_to_end(out.ours), std::string(head) + body) == "");
    CHECK(program.wait() == 0);
    CHECK(written == body.size());
    CHECK(program.held_at_most() <= limits().window + limits().block_size);
}

TEST_CASE(
    "F20, F21: a client that takes nothing is given up, when the app still writes and when it has finished")
{
    std::atomic<std::uint64_t> written = 0;
    error_code why;
    auto stalled_out = pipe_from_program(), finished_out = pipe_from_program();
    limits l;
    l.write_stall = l.linger = 500ms;
    running_program stalled(endless{&written, &why}, {.out = std::move(stalled_out.theirs), .limits = l});
    running_program finished(
        [](request&) {
            response r;
            r.headers.add("Content-Type", "text/plain");
            r.body = std::string(70000, 'x'); // a pipe takes 64 KiB
            return r;
        },
        {.out = std::move(finished_out.theirs), .limits = l});
    CHECK(stalled.wait() == 1);
    CHECK(why == errc::write_stalled);
    CHECK(finished.wait() == 1);
    CHECK_THAT(finished.log(), Catch::Contains("warning ended: "));
}

TEST_CASE("stdin may be a pipe, a socket or a file: the body is whole, and nothing behind it is read")
{
    const int kind = GENERATE(0, 1, 2);
    const std::size_t size = GENERATE(std::size_t(1), std::size_t(700'000));
    CAPTURE(kind, size);
    const temp_dir folder;
    const auto body = pattern(size);
    const auto file = folder.write("in", body + "behind the body");
    auto in = kind == 1 ? socket_pair() : pipe_to_program();
    if (kind == 2)
        in.theirs = open_file(file, O_RDONLY);
    const auto after = in.theirs.duplicate();
    auto out = pipe_from_program();
    running_program program(echo, {.in = std::move(in.theirs),
                                   .out = std::move(out.theirs),
                                   .method = "POST",
                                   .variables = length(size)});
    std::string got;
    if (kind == 2) {
        got = read_to_end(out.ours);
        CHECK(::lseek(after.get(), 0, SEEK_CUR) == static_cast<off_t>(size));
    } else {
        // In pieces, so that neither side waits for the other.
        got = read_bytes(out.ours, head.size());
        for (std::size_t at = 0; at < size; at += 50000) {
            const auto piece = std::string_view(body).substr(at, 50000);
            write_all(in.ours,
                      at + 50000 < size ? std::string(piece) : std::string(piece) + "behind the body");
            got += read_bytes(out.ours, piece.size());
        }
        CHECK(read_to_end(out.ours).empty());
        set_nonblocking(after, true);
        CHECK(read_some(after) == "behind the body");
    }
    CHECK(difference(got, std::string(head) + body) == "");
    CHECK(program.wait() == 0);
}

TEST_CASE("R19: stdin that ends early, or was closed: an error for the app, not an end")
{
    const std::string kind = GENERATE("/dev/null", "closed", "a pipe that ends", "a file that is too short");
    CAPTURE(kind);
    const temp_dir folder;
    auto in = pipe_to_program();
    if (kind == "/dev/null")
        in.theirs = open_file(kind, O_RDONLY);
    else if (kind == "closed")
        in.theirs = descriptor(never_open);
    else if (kind == "a file that is too short")
        in.theirs = open_file(folder.write("in", "abc"), O_RDONLY);
    else
        write_all(in.ours, "abc");
    in.ours.close();
    error_code why;
    auto out = pipe_from_program();
    running_program program(
        [&](request& req, responder respond) -> task<void> {
            std::array<char, 100> buffer;
            try {
                while (co_await req.body().read(boost::asio::buffer(buffer)) > 0) {
                }
            } catch (const system_error& e) {
                why = e.code();
            }
            respond.send(200, {{"Content-Type", "text/plain"}}, "read");
        },
        {.in = std::move(in.theirs), .out = std::move(out.theirs), .method = "POST", .variables = length(4)});
    CHECK_THAT(read_to_end(out.ours), Catch::EndsWith("read"));
    CHECK(program.wait() == 0);
    CHECK(why == errc::body_incomplete);
}

TEST_CASE("stdin that never ends is read as far as CONTENT_LENGTH says, and not at all without one")
{
    const bool with_body = GENERATE(true, false);
    auto out = pipe_from_program();
    running_program program(echo, {.in = open_file("/dev/zero", O_RDONLY),
                                   .out = std::move(out.theirs),
                                   .method = "POST",
                                   .variables = with_body ? length(1000) : std::vector<std::string>()});
    CHECK(read_to_end(out.ours) == std::string(head) + std::string(with_body ? 1000 : 0, '\0'));
    CHECK(program.wait() == 0);
}

TEST_CASE("stdin may be a terminal that somebody made non-blocking")
{
    const descriptor master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(::grantpt(master.get()) == 0);
    REQUIRE(::unlockpt(master.get()) == 0);
    auto terminal = open_file(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_NONBLOCK);
    termios raw{};
    REQUIRE(::tcgetattr(terminal.get(), &raw) == 0);
    ::cfmakeraw(&raw);
    REQUIRE(::tcsetattr(terminal.get(), TCSANOW, &raw) == 0);
    auto out = pipe_from_program();
    running_program program(
        echo,
        {.in = std::move(terminal), .out = std::move(out.theirs), .method = "POST", .variables = length(5)});
    CHECK(read_bytes(out.ours, head.size()) == head); // the program waits for its body now
    write_all(master, "typed");
    CHECK(read_to_end(out.ours) == "typed");
    CHECK(program.wait() == 0);
}

TEST_CASE(
    "F25: a web server that writes the whole body before it reads, and an app that writes before it reads")
{
    const auto body = pattern(1'000'000);
    auto in = pipe_to_program(), out = pipe_from_program();
    running_program program(
        [&](request& req, responder respond) -> task<void> {
            auto to = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await to.write(body);
            std::array<char, 10000> buffer;
            while (const auto n = co_await req.body().read(boost::asio::buffer(buffer)))
                co_await to.write(std::string_view(buffer.data(), n));
        },
        {.in = std::move(in.theirs),
         .out = std::move(out.theirs),
         .method = "POST",
         .variables = length(body.size())});
    write_all(in.ours, body);
    CHECK(difference(read_to_end(out.ours), std::string(head) + body + body) == "");
    CHECK(program.wait() == 0);
}

TEST_CASE("shared descriptors get their flags back, whatever ended the program")
{
    const int kind = GENERATE(0, 1);
    const std::string ended_by = GENERATE("itself", "the client", "terminate");
    const bool nonblocking_before = GENERATE(false, true);
    CAPTURE(kind, ended_by, nonblocking_before);
    auto in = kind == 0 ? pipe_to_program() : socket_pair();
    auto out = output_of_kind(kind);
    const auto in_after = in.theirs.duplicate();
    auto out_after = out.theirs.duplicate();
    set_nonblocking(in_after, nonblocking_before);
    set_nonblocking(out_after, nonblocking_before);

    error_code why;
    running_program program(
        ended_by == "itself" ? application(echo) : application(idle{&why}),
        {.in = std::move(in.theirs), .out = std::move(out.theirs), .method = "POST", .variables = length(5)});
    CHECK_FALSE(read_bytes(out.ours, head.size()).empty());
    CHECK(is_nonblocking(in_after)); // while it runs
    CHECK(is_nonblocking(out_after));
    if (ended_by == "itself")
        write_all(in.ours, "hello");
    else if (ended_by == "the client")
        out.ours.close();
    else
        program.program().terminate();
    CHECK(program.wait() == (ended_by == "itself" ? 0 : 1));
    CHECK(is_nonblocking(in_after) == nonblocking_before);
    CHECK(is_nonblocking(out_after) == nonblocking_before);
}

TEST_CASE("one descriptor for stdin and stdout, as inetd gives it, gets its flags back")
{
    auto socket = socket_pair();
    const auto after = socket.theirs.duplicate();
    auto again = socket.theirs.duplicate();
    running_program program(
        echo,
        {.in = std::move(socket.theirs), .out = std::move(again), .method = "POST", .variables = length(5)});
    write_all(socket.ours, "hello");
    CHECK(read_bytes(socket.ours, head.size() + 5) == std::string(head) + "hello");
    CHECK(program.wait() == 0);
    CHECK_FALSE(is_nonblocking(after));
}

TEST_CASE("F26: stderr that nobody reads does not hold the output up, and what fits arrives in time")
{
    auto out = pipe_from_program(), err = pipe_from_program();
    const auto full = fill(err.theirs);
    REQUIRE(full > 0);
    std::atomic<bool> go_on = false;
    running_program program(
        [&](request& req, responder respond) -> task<void> {
            for (int i = 0; i < 10000; ++i)
                req.errors().line("line " + std::to_string(i));
            auto to = respond.start(200, {{"Content-Type", "text/plain"}});
            co_await to.write("the head came");
            while (!go_on)
                co_await sleep_for(1ms);
            req.errors().line("the last line");
        },
        {.out = std::move(out.theirs), .err = std::move(err.theirs)});
    CHECK(read_bytes(out.ours, head.size() + 13) == std::string(head) + "the head came");
    // Somebody reads after all: nothing of what was kept is lost.
    CHECK(read_bytes(err.ours, full).substr(0, full) == std::string(full, 'f'));
    std::string errors = read_some(err.ours); // at the latest with the driver's check, each second
    go_on = true;
    errors += read_to_end(err.ours);
    CHECK_THAT(errors, Catch::StartsWith("line 0\nline 1\n"));
    CHECK_THAT(errors, Catch::Contains("more bytes of error text were dropped"));
    CHECK_THAT(errors, Catch::EndsWith("the last line\n"));
    CHECK(errors.size() < 2 * limits().error_text);
    CHECK(program.wait() == 0);
}

TEST_CASE("F26: stderr that is full until the end, or has no reader, changes nothing")
{
    const bool closed = GENERATE(true, false);
    auto out = pipe_from_program(), err = pipe_from_program();
    if (closed)
        err.ours.close();
    else
        fill(err.theirs);
    running_program program(
        [](request& req) {
            req.errors().line(std::string(100000, 'e'));
            response r;
            r.headers.add("Content-Type", "text/plain");
            r.body = "answered";
            return r;
        },
        {.out = std::move(out.theirs), .err = std::move(err.theirs)});
    CHECK_THAT(read_to_end(out.ours), Catch::EndsWith("answered"));
    CHECK(program.wait() == 0);
}

TEST_CASE("R20: a body that the app leaves unread does not delay the response, and its sender is not cut off")
{
    const std::string sender =
        GENERATE("sends it", "sends more than limits::discard", "closes", "keeps still");
    CAPTURE(sender);
    constexpr std::size_t size = 300'000; // more than a pipe takes at once
    limits l;
    if (sender == "sends more than limits::discard")
        l.discard = 1000;
    auto in = pipe_to_program(), out = pipe_from_program();
    const auto unread = in.theirs.duplicate();
    running_program program(
        [](request&) {
            response r;
            r.headers.add("Content-Type", "text/plain");
            r.body = "no, thanks";
            return r;
        },
        {.in = std::move(in.theirs),
         .out = std::move(out.theirs),
         .method = "POST",
         .variables = length(size),
         .limits = l});
    CHECK_THAT(read_to_end(out.ours), Catch::EndsWith("no, thanks")); // before anything was sent
    if (sender == "sends it")
        write_all(in.ours, std::string(size, 'b'));
    else if (sender == "sends more than limits::discard")
        write_all(in.ours, std::string(1500, 'b'));
    else if (sender == "closes")
        in.ours.close();
    CHECK(program.wait() == 0);
    CHECK_FALSE(is_nonblocking(unread));
    if (sender == "sends more than limits::discard")
        CHECK(read_some(unread).size() >= 500);
}

TEST_CASE("R20: terminate does not wait for a body that nobody reads")
{
    auto in = pipe_to_program(), out = pipe_from_program();
    running_program program(
        [](request&) {
            response r;
            r.headers.add("Content-Type", "text/plain");
            r.body = "no, thanks";
            return r;
        },
        {.in = std::move(in.theirs),
         .out = std::move(out.theirs),
         .method = "POST",
         .variables = length(1000)});
    CHECK_THAT(read_to_end(out.ours), Catch::EndsWith("no, thanks"));
    const auto before = std::chrono::steady_clock::now();
    program.program().terminate();
    CHECK(program.wait() == 0); // the response was out
    CHECK(std::chrono::steady_clock::now() - before < 400ms);
}

} // namespace sluice::test
