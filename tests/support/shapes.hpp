// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/fake_host.hpp"

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The same behaviour asked of apps of every shape, over every transport that needs no server: shape_table_test.cpp is
/// compiled into the tests of each transport, which says how its client is made.
namespace sluice::test {

/// What an app is to do.
struct plan {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers{{"Content-Type", "text/plain"}};
    std::string body{};
    std::size_t piece = 10'000; ///< bytes a write, of shapes that write
    bool flush = false;         ///< after each of them
    bool endless = false;       ///< writes its body over and over, where it streams
    bool echoes = false;        ///< reads the request's body first, to its end, and answers with that
    enum class end { well, throws_before_head, throws_after_body } how = end::well;

    /// Held by whatever an app keeps for a request.
    std::shared_ptr<int> held_by_app = std::make_shared<int>(0);

    response_head head() const;
    response whole() const;
    void throw_if(end e) const;
    /// In its pieces, until `out` fails.
    void write_body(std::ostream& out) const;
};

struct shape {
    std::string name;
    bool streams; ///< the head is out before all of the body is known
    bool reads;   ///< can wait for the request's body
    std::function<application(const plan&)> make;
};

/// Those of core.
std::vector<shape> core_shapes();

/// What the client asks. A body that is shorter than its announced length was cut.
struct question {
    std::string_view method = "GET";
    std::string body{};
    std::size_t announced = body.size();

    std::string length() const { return std::to_string(announced); }
};

/// One request, and its client, on some transport.
class shape_client {
public:
    virtual ~shape_client() = default;

    /// Asks; the client reads nothing yet.
    virtual void ask(const question& q) = 0;
    virtual void read(std::size_t n) = 0; ///< so many bytes more
    virtual void leave() = 0;

    virtual bool ended() = 0;
    virtual bool ended_well() = 0;
    virtual int status() = 0;
    virtual std::string head() = 0;
    virtual std::string body() = 0;

    virtual fake_loop& loop() = 0;

    bool until(const std::function<bool()>& done) { return loop().poll_until(done); }
    /// Reads to the end.
    bool until_ended()
    {
        return until([this] {
            read(50'000);
            return ended();
        });
    }
};

/// Of an exchange alone.
std::unique_ptr<shape_client> make_host_client(const application& app);

// What the tests of a transport say.

std::unique_ptr<shape_client> make_shape_client(const application& app);
std::vector<shape> all_shapes();

} // namespace sluice::test
