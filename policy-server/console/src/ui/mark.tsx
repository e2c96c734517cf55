/** The product's mark. */
export function Mark() {
  return <img className="mark" src="/belay.svg" width="32" height="32" alt="" />;
}
