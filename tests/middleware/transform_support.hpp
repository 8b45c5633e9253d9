// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/middleware/transform.hpp>

#include "support/app_support.hpp"
#include "support/catch.hpp"

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace sluice::test {

using middleware::transform;

/// Gathers seven bytes before it puts them out, each twice; "|" after a flush, "." at the end.
class twice final : public transform {
public:
    explicit twice(int& alive) : alive_(alive) { ++alive_; }
    ~twice() override { --alive_; }

    step run(std::span<const std::byte> in, std::span<std::byte> out, goal g) override
    {
        REQUIRE(out.size() == buffer_size);
        step s;
        for (; s.taken < in.size() && s.made + 16 <= out.size(); ++s.taken) {
            const char c = static_cast<char>(in[s.taken]);
            if (c == '!')
                throw std::runtime_error("this transform takes no exclamation marks");
            gathered_ += c;
            if (gathered_.size() == 7)
                put(s, out);
        }
        s.done = s.taken == in.size() && s.made + 16 <= out.size();
        if (s.done && g != goal::take) {
            put(s, out);
            out[s.made++] = std::byte(g == goal::flush ? '|' : '.');
        }
        return s;
    }

private:
    void put(step& s, std::span<std::byte> out)
    {
        for (const char c : gathered_) {
            out[s.made++] = std::byte(c);
            out[s.made++] = std::byte(c);
        }
        gathered_.clear();
    }

    int& alive_;
    std::string gathered_;
};

inline std::string doubled(std::string_view s)
{
    std::string result;
    for (const char c : s)
        result.append(2, c);
    return result;
}

/// An app behind `twice`, and what is left of the transforms.
struct doubling {
    explicit doubling(application inner, const limits& l = {})
        : loop(middleware::transform_response(std::move(inner),
                                              [this](request&, response_head&) -> std::unique_ptr<transform> {
                                                  return std::make_unique<twice>(alive);
                                              }),
               l),
          client(loop)
    {}

    int alive = 0;
    fake_loop loop;
    fake_host client;
};

/// The same, for a writer that the test keeps.
struct kept_doubling {
    kept_doubling()
        : d([this](request&, responder respond) -> task<void> {
              out.emplace(respond.start(plain_text()));
              co_return;
          })
    {
        d.client.request();
        d.loop.poll();
        d.client.stall();
    }
    ~kept_doubling() { out.reset(); }

    std::optional<writer> out;
    doubling d;
};

inline constexpr std::size_t block = limits{}.block_size;

} // namespace sluice::test
