/* ref_special.c: special functions that libm lacks, in double, from their published series.

   digamma and trigamma: reflection for negative arguments, recurrence up to 12, then the asymptotic series in Bernoulli
   numbers (Abramowitz and Stegun 1964, 6.3.5-7, 6.3.18, 6.4.6-7, 6.4.12). erfinv: Giles' single-precision polynomials
   ("Approximating the erfinv function", GPU Computing Gems 2, 2011), then Halley's steps on erf or, in the tails, erfc. */
#include "backend/cpu/ref/ref.h"

static const double pi = 3.14159265358979323846;

/* B_2k, k = 1 .. 8. */
static const double bernoulli[] = {1.0 / 6,  -1.0 / 30,       1.0 / 42, -1.0 / 30,
                                   5.0 / 66, -691.0 / 2730.0, 7.0 / 6,  -3617.0 / 510};

static double polynomial(const double *c, int n, double x)
{
    double y = c[0];
    for (int i = 1; i < n; i++) y = y * x + c[i];
    return y;
}

static double erfinv_start(double x)
{
    static const double central[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                     -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
    static const double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                  -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
    double w = -log((1 - x) * (1 + x));
    if (w > 16) { /* beyond the polynomials: erfc(y) is about e^(-y^2) / (y sqrt(pi)) */
        double l = -log(1 - x);
        return sqrt(l - 0.5 * log(pi * l));
    }
    return w < 5 ? x * polynomial(central, 9, w - 2.5) : x * polynomial(tail, 9, sqrt(w) - 3);
}

double ref_erfinv(double x)
{
    double m = fabs(x);
    if (m == 1) return copysign(INFINITY, x);
    if (!(m < 1) || m < 1e-150) return m < 1 ? x * 0.88622692545275801365 : NAN; /* sqrt(pi) / 2 near zero */
    double y = erfinv_start(m);
    for (int i = 0; i < 3; i++) { /* 1 - m is exact from 0.5 on, so the tail loses nothing */
        double error = m < 0.5 ? erf(y) - m : (1 - m) - erfc(y);
        double u = error * 0.88622692545275801365 * exp(y * y);
        y -= u / (1 + y * u);
    }
    return copysign(y, x);
}

double ref_lgamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

static double digamma_positive(double x)
{
    double sum = 0, power = 1;
    for (; x < 12; x += 1) sum -= 1 / x;
    for (int k = 1; k <= 8; k++) {
        power /= x * x;
        sum -= bernoulli[k - 1] / (2 * k) * power;
    }
    return sum + log(x) - 0.5 / x;
}

double ref_digamma(double x)
{
    if (x == 0) return copysign(INFINITY, -x);
    if (x > 0 || isnan(x)) return digamma_positive(x);
    double to_pole = x - round(x); /* exact, however close */
    return to_pole == 0 || isinf(x) ? NAN : digamma_positive(1 - x) - pi / tan(pi * to_pole);
}

static double trigamma_positive(double x)
{
    double sum = 0;
    for (; x < 12; x += 1) sum += 1 / (x * x);
    double power = 1 / x;
    for (int k = 1; k <= 8; k++) {
        power /= x * x;
        sum += bernoulli[k - 1] * power;
    }
    return sum + 1 / x + 0.5 / (x * x);
}

double ref_trigamma(double x)
{
    if (x > 0 || isnan(x)) return trigamma_positive(x);
    double to_pole = x - round(x);
    if (to_pole == 0) return INFINITY; /* a pole of order two */
    double s = sin(pi * to_pole);
    return pi * pi / (s * s) - trigamma_positive(1 - x);
}
