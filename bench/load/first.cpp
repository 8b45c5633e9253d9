// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include "modes.hpp"

#include "report.hpp"
#include "socket.hpp"

#include <algorithm>
#include <cstdio>

namespace bench {

// How long a client waits for the first piece of a body, and for its end; the time to connect is in both.
int run_first(const options& opt)
{
    const std::string request = request_of(opt);
    const std::uint64_t repeats = std::max<std::uint64_t>(opt.count, 1);
    std::vector<char> buffer(64 * 1024);
    std::vector<double> first;
    std::vector<double> whole;
    error_tally errors;
    const auto got = answer_of(opt);
    got->keep_body(opt.expect_body.size());

    for (std::uint64_t i = 0; i < repeats; ++i) {
        got->reset();
        const std::uint64_t from = now_ns();
        const auto milliseconds = [from] { return static_cast<double>(now_ns() - from) * 1e-6; };
        const unique_fd fd = connect_to(opt.connect);
        send_all(fd.get(), request.data(), request.size());
        double seen = 0;
        const char* wrong = read_answer(fd.get(), *got, buffer, [&] {
            if (seen == 0 && got->body_bytes() != 0)
                seen = milliseconds();
        });
        const double ended = milliseconds();
        if (wrong == nullptr)
            wrong = judge(*got, opt);
        if (wrong == nullptr && seen == 0)
            wrong = "no body";
        if (wrong != nullptr) {
            errors.add(wrong);
            continue;
        }
        first.push_back(seen);
        whole.push_back(ended);
    }

    report out;
    out.add("mode", "first");
    out.add("path", opt.target.path);
    out.add("first_ms", first);
    out.add("whole_ms", whole);
    errors.add_to(out);
    std::puts(out.str().c_str());
    return errors.total() == 0 ? 0 : 1;
}

} // namespace bench
