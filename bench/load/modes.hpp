// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "answer.hpp"
#include "options.hpp"

#include <string>

namespace bench {

// Each runs one mode, prints its JSON and returns the exit status: 0 when every answer was right.
int run_requests(const options& opt);
int run_stream(const options& opt);
int run_upload(const options& opt);
int run_slow(const options& opt);
int run_multiplexed(const options& opt);
int run_leave(const options& opt);
int run_get(const options& opt);

// What is wrong with a finished answer, or nullptr.
[[nodiscard]] inline const char* judge(const answer& got, const options& opt)
{
    if (got.wrong())
        return got.reason();
    if (!got.done())
        return "answer not finished";
    if (got.status() != opt.expect_status)
        return "wrong status";
    if (opt.expect_bytes && got.body_bytes() != *opt.expect_bytes)
        return "wrong number of body bytes";
    if (!opt.expect_body.empty() &&
        (got.body_bytes() != opt.expect_body.size() || got.body_start() != opt.expect_body))
        return "wrong body";
    return nullptr;
}

} // namespace bench
