import { solve } from "../../embed-proof.js";

addEventListener("message", async ({ data }) => {
  // Without WebCrypto there is no answer, and the page says so.
  postMessage(await solve(data).catch(() => null));
});
