// All events and remarks belong on paper, and a long report can be narrowed to what was broken.
(function () {
  "use strict";
  addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (each) { each.open = true; });
  });
  var only = document.getElementById("only-broken");
  if (!only) { return; }
  only.parentElement.hidden = false;
  only.addEventListener("change", function () {
    document.querySelectorAll("[data-result]").forEach(function (each) {
      each.hidden = only.checked && each.dataset.result === "kept";
    });
  });
})();
