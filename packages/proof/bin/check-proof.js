#!/usr/bin/env node
require('../dist/check-proof.js');
