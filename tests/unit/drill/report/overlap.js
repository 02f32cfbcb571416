// What a person would call a broken layout, as sentences: text over text, text cut off or outside the page, tiny text.
(function () {
  "use strict";
  var wrong = [], boxes = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), node;
  var across = document.documentElement.clientWidth;
  function told(text) { return JSON.stringify(text.trim().replace(/\s+/g, " ").slice(0, 60)); }
  while ((node = walker.nextNode())) {
    var parent = node.parentElement;
    if (!node.data.trim() || parent.closest("script, style") || !parent.checkVisibility()) { continue; }
    if (parseFloat(getComputedStyle(parent).fontSize) < 11) { wrong.push("tiny: " + told(node.data)); }
    var range = document.createRange();
    range.selectNodeContents(node);
    Array.from(range.getClientRects()).forEach(function (box) {
      if (box.width < 1 || box.right < 0) { return; }  // the heads of tables that are boxes now are beside the page
      if (box.left < -0.5 || box.right > across + 0.5) { wrong.push("outside the page: " + told(node.data)); }
      boxes.push({ box: box, text: node.data });
    });
    for (var up = parent; up !== document.body; up = up.parentElement) {
      var cuts = getComputedStyle(up).overflowX !== "visible" && up.scrollWidth > up.clientWidth + 1;
      if (cuts) { wrong.push("cut: " + told(node.data)); }
    }
  }
  boxes.sort(function (a, b) { return a.box.top - b.box.top; });
  boxes.forEach(function (one, index) {
    for (var next = index + 1; next < boxes.length && boxes[next].box.top < one.box.bottom - 3; next++) {
      var a = one.box, b = boxes[next].box;
      if (Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - b.top > 3) {
        wrong.push("overlap: " + told(one.text) + " and " + told(boxes[next].text));
      }
    }
  });
  if (document.documentElement.scrollWidth > across + 1) { wrong.push("the page is wider than its window"); }
  window.parent.postMessage(JSON.stringify({ across: across, boxes: boxes.length, wrong: wrong }), "*");
})();
