// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "interop/servers/front_servers.hpp"
#include "support/catch.hpp"

#include <string>
#include <utility>

namespace sluice::test {

using front_server_test = void (*)(const front_server&);

/// Registers one test case for each front server (that `wanted` accepts), named
/// `SERVER: NAME`, so that ctest shows, selects and times them one by one:
///
///     void hello(const front_server& front) { … }
///     const on_each_server<hello> hello_tests("R28: GET /hello", "[urls]");
template <front_server_test test>
class on_each_server {
public:
    using condition = bool (*)(const front_server&);

    explicit on_each_server(
        const std::string& name, const std::string& tags = "",
        condition wanted = [](const front_server&) { return true; })
    {
        register_all(name, tags, wanted, std::make_index_sequence<std::size(front_servers)>());
    }

private:
    template <std::size_t index>
    static void run()
    {
        test(front_servers[index]);
    }

    template <std::size_t index>
    static void register_one(const std::string& name, const std::string& tags, condition wanted)
    {
        if (!wanted(front_servers[index]))
            return;
        const std::string full = std::string(front_servers[index].name) + ": " + name;
        REGISTER_TEST_CASE(run<index>, full, tags);
    }

    template <std::size_t... indexes>
    static void register_all(const std::string& name, const std::string& tags, condition wanted,
                             std::index_sequence<indexes...>)
    {
        (register_one<indexes>(name, tags, wanted), ...);
    }
};

} // namespace sluice::test
