#pragma once
// RenderOptions: harness/report_format.h, so that the command line knows them without knowing this room.
#include "harness/report_format.h"
