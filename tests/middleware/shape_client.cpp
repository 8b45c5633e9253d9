// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
//
// The table again, with middleware around each app: one that passes everything on, and those that have nothing to do.
#include "support/shapes.hpp"

#include <sluice/middleware/access_log.hpp>
#include <sluice/middleware/around.hpp>
#include <sluice/middleware/error_pages.hpp>
#include <sluice/middleware/filter.hpp>
#include <sluice/middleware/gzip.hpp>

namespace sluice::test {

namespace {

class passing_port final : public middleware::filter_port {
public:
    using filter_port::filter_port;

    sink_ptr start(error_code& ec, std::string& why) override
    {
        auto next = filter_port::start(ec, why);
        return next ? sink_ptr(new middleware::filter_sink(std::move(next))) : next;
    }
};

application wrapped(application app)
{
    app = middleware::around(std::move(app), [](request& req, responder respond, const application& inner) {
        return inner(req, responder(response_port_ptr(new passing_port(respond.release()))));
    });
    return middleware::access_log(middleware::gzip(middleware::error_pages(std::move(app))),
                                  [](std::string_view) {});
}

} // namespace

std::unique_ptr<shape_client> make_shape_client(const application& app)
{
    return make_host_client(app);
}

std::vector<shape> all_shapes()
{
    auto all = core_shapes();
    for (auto& s : all)
        s.make = [make = s.make](const plan& p) { return wrapped(make(p)); };
    return all;
}

} // namespace sluice::test
