// Copyright (c) 2026 the sluice authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

// The headers that cost most in unit tests. Nothing may rely on getting them from here.
#include "../../cmake/precompiled.hpp"

#include "support/catch.hpp"
#include "support/fake_host.hpp"

#include <sluice/request.hpp>
#include <sluice/responder.hpp>

#include <functional>
#include <optional>
