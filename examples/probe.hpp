// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <sluice/sluice.hpp>

/// The probe's app, for programs that run it in different ways.
sluice::task<void> probe(sluice::request& req, sluice::responder respond);
