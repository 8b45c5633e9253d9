// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#include <sluice/testing/app_loop.hpp>

#include <boost/asio/post.hpp>

#include <utility>

namespace sluice::testing {

namespace {
constexpr service_facts testing_facts{"testing"};
} // namespace

app_loop::app_loop(application app, const sluice::limits& l)
{
    resources_.emplace(context().get_executor(), std::move(app), l, normalize_options{}, testing_facts,
                       [this] { boost::asio::post(context(), [this] { resources_->turn().run(); }); });
    resources_->runners().keep(2);
}

app_loop::~app_loop()
{
    poll(); // apps that were told of the end go first
    resources_->runners().keep(0);
}

statistics app_loop::statistics() const
{
    sluice::statistics s;
    resources_->add_to(s);
    return s;
}

} // namespace sluice::testing
