// Jest's global tear-down.
module.exports = () => globalThis.endSharedPostgres?.();
